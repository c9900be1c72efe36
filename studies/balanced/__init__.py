"""Does balancing BreastMNIST with generated images help? The founding study's experiment with controls and errors.

The study added 252 generated malignant images to the 147 real ones and compared one network with one network; four
things changed at once, and it read the labels the wrong way round. Here one thing changes: `arms` says what each
network is trained on, `experiment` trains them for ten seeds, `statistics` compares them pair by pair, `study` re-reads
the published tables, and `page` writes docs/results/balanced.md. `python -m studies balanced` does it all.
"""
