"""What a conditional generator scores on a data set: GAN-test and CAS together, recall and coverage beside them."""
