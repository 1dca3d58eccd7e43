#!/bin/sh
# Checks the reference verifier: test vectors, whole proofs, altered proofs, the lowering.
#
#     pip install -r reference/verifier/requirements.txt && reference/verifier/check.sh
#
# With ZKML=path of the command zkml every altered file is given to it too, and both must name the same check.
cd "$(dirname "$0")" && exec "${PYTHON:-python3}" -m unittest
