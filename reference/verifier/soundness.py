"""The account of soundness (docs/protocol/soundness.md): `python3 soundness.py KEY` prints the terms in bits."""

import sys
from math import log2

from argument import walk
from channel import Channel
from columns import Columns
from field import ZERO, K
from formats import read_file
from lookup import fraction_bits, grinding_bits, layers
from recursion import rounds, rows_grinding_bits, shapes
from resize import own_lengths
from statement import answer_statement, query_bits, setup_statement

FIELD = 122


class Rehearsal:
    """A transcript without a proof: messages are 0, challenges are only distinct. It serves to count."""

    def __init__(self):
        self.drawn = 0
        self.labels = []  # of messages and challenges, with the number of elements of a message

    def elements(self, kind, label, count):
        self.labels.append((label, count))
        return [ZERO] * count

    def challenge(self, label):
        self.drawn += 1
        self.labels.append((label, None))
        return K(self.drawn * 0x9E3779B97F4A7C15, self.drawn)

    def challenges(self, label, count):
        return [self.challenge(label) for _ in range(count)]

    def digest(self, label, size=32):
        return bytes(32)

    def grind(self, label, bits):
        pass


def rehearse(statement):
    """The argument without a proof, up to the row combination: the channel and the opening, which have counted."""
    channel = Channel(Rehearsal(), statement.masked, judges=False)
    return channel, walk(channel, statement, b"", statement.weight_roots(0), statement.apart, None)


def account(statement):
    """(name, bits) of each way in which a false statement may pass."""
    columns = Columns(statement.circuit, {})
    channel, opening = rehearse(statement)
    chunks = statement.chunks
    terms = [("lookup: fractions", fraction_bits(columns, chunks) + grinding_bits(columns, chunks))]
    n = layers(columns, chunks)
    sizes = [columns.of[number].variables for number in columns.equalities]
    errors = [("lookup: layers", n * (n + 1))] if n else []
    errors += [("equalities", max(sizes + [1]))] if sizes else []
    errors += stages(channel.transcript.labels)
    terms += [(name, FIELD - log2(error)) for name, error in errors]
    terms += opening_terms(statement, opening)
    further = len(statement.weight_roots(0)) - 1
    if further:
        variables = sum(columns.of[number].variables for number in columns.numbers("Parameter"))
        terms.append(("weights: the same in all commitments", FIELD - log2(max(variables, 1) * further)))
    if statement.masked:
        terms.append(("closing: constraints", FIELD - log2(channel.count + 2)))
    return terms


def stages(labels):
    """The batched sumcheck of each depth: a coefficient for each claim if there are two or more, then the rounds."""
    errors, claims, degrees = [], 0, 0
    for label, count in labels + [("", None)]:
        if label == "reduce.stage" and count is None and not degrees:
            claims += 1
        elif label == "reduce.stage":
            degrees += count or 0
        elif claims or degrees:
            errors.append((f"reduction, depth {len(errors)}", max(degrees + (claims > 1), 1)))
            claims = degrees = 0
    return errors


def opening_terms(statement, opening):
    code, masked = statement.code, statement.masked
    terms = [("opening: queries", query_bits(code)), ("opening: proximity", FIELD - code["log_codeword"] - 1 + 10),
             ("opening: subspace", FIELD - 1), ("opening: combination", FIELD - log2(3 if masked else 1)),
             ("opening: merge", FIELD - log2(1 + 2 * code["log_row"]))]
    draws = 0
    for number, (level, rows) in enumerate(shapes(statement.levels, opening.size), 1):
        draws += rounds(rows)
        terms.append((f"recursion: queries of level {number}", query_bits(level)))
        proximity = FIELD - level["log_codeword"] - log2(rounds(rows)) + rows_grinding_bits(level, rows)
        terms.append((f"recursion: proximity of level {number}", proximity))
    if draws:
        terms += [("recursion: batching", FIELD - log2(len(statement.levels))),
                  ("recursion: subspace", FIELD - log2(draws)), ("recursion: rows", FIELD - log2(2 * draws))]
    return terms


def bits(terms):
    """-log2 of the sum of the errors."""
    return -log2(sum(2**-each for _, each in terms))


def main():
    with open(sys.argv[1], "rb") as file:
        key = read_file("key", file.read())
    everything = []
    for name, statement in (("answer", answer_statement(key, own_lengths(key["network"]))), ("setup proof", setup_statement(key["weights"]))):
        terms = account(statement)
        everything += terms
        print(name, *(f"{each:7.1f}  {term}" for term, each in terms), f"{bits(terms):7.1f}  in all", sep="\n")
    print(f"{bits(everything):7.1f}  both")


if __name__ == "__main__":
    main()
