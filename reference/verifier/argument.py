"""The argument from its first message on: roots, lookups, equalities, reduction, opening (docs/protocol/README.md)."""

from channel import Channel
from columns import Columns
from field import ZERO
from lookup import lookups
from opening import Claim, Matrix, open_claims
from reduce import Claims, reduce


def argue(transcript, statement, roots, public):
    """Verifies the messages. `public`: the integers of public inputs and outputs by column. Returns the other roots."""
    trace_root = transcript.digest("trace.root")
    apart = {home: transcript.digest(f"{home.lower()}.root") for home in statement.apart}
    transcript.harden("trace.harden", statement.hardening)
    walk(Channel(transcript, statement.masked), statement, trace_root, roots, apart, public)
    transcript.end()
    return apart


def walk(channel, statement, trace_root, roots, apart, public):
    columns = Columns(statement.circuit, public)
    claims = Claims(channel, columns)
    looked_up, multiplicities = lookups(channel, columns, statement.chunks)
    for number, point, value in looked_up:
        claims.add(number, point, value)
    equalities(channel, columns, claims)
    reduce(claims)

    log_stride = statement.code["log_stride"]
    matrices, final = [], []

    def add_matrix(root, packed, made, log_stride):
        """A matrix, and the claims on each of its columns in the order of its packing."""
        rows, slots = packed
        log_row, number = statement.log_row - log_stride, len(matrices)
        matrices.append(Matrix(root, rows, log_stride))
        for slot, on_column in zip(slots, made, strict=True):
            final.extend(Claim(number, slot, log_row, log_stride, point, value) for point, value in on_column)

    trace = [claims.on[number] for number in columns.numbers("Committed", "Trace")]
    add_matrix(trace_root, statement.trace, trace + [[claim] for claim in multiplicities], log_stride)
    for root in roots:
        add_matrix(root, statement.of_weights, [claims.on[number] for number in columns.numbers("Parameter")], 0)
    for home, root in apart.items():
        made = [claims.on[number] for number in columns.numbers("Committed", home)]
        add_matrix(root, statement.apart[home], made, log_stride)
    return open_claims(channel, statement.code, statement.levels, matrices, final)


def equalities(channel, columns, claims):
    """A column that must be 0 is claimed to be 0 at a suffix of one random point."""
    sizes = [columns.of[number].variables for number in columns.equalities]
    point = channel.transcript.challenges("equality.point", max(sizes, default=0))
    for number, size in zip(columns.equalities, sizes):
        claims.add(number, point[len(point) - size:], ZERO)
