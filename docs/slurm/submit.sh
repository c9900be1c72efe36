#!/bin/bash
# The parts, and when all of them are there the evaluation: submit.sh 64 SOURCE PARTS_FOLDER RESULT.json REAL CLASSIFIER
set -euo pipefail
here="$(dirname "$0")"
count="$1" source_of_images="$2" parts="$3" result="$4" real="$5" classifier="$6"
mkdir -p "$parts"
array="$(sbatch --parsable --array="1-$count" "$here/embed.sbatch" \
  "$source_of_images" "$parts" --classifier "$classifier")"
sbatch --dependency="afterok:$array" "$here/evaluate.sbatch" \
  "$parts" "$result" --real "$real" --classifier "$classifier"
