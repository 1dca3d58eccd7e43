"""One opening of many claims on rows of matrices (docs/protocol/commitment.md), with the mask and the closing check of
zero knowledge (docs/protocol/zero-knowledge.md)."""

from collections import Counter, namedtuple
from math import prod

from commitment import basis, codeword_at, factors, leaf, read_top, root
from field import I, ONE, ZERO, K, bits, dot, dot_k, eq, eq_table
from recursion import verify_recursion
from sumcheck import sumcheck, weighted
from transcript import Reject


# A committed matrix: its root, the number of its rows, and the log2 of their stride, 0 if they are wide.
Matrix = namedtuple("Matrix", "root rows log_stride")


class Claim:
    """value = sum over a, j of eq(high, a) eq(low, j) row_a[j], over the stored rows a; rows begin at `first`."""

    def __init__(self, matrix, slot, log_row, missing, point, value):
        self.matrix, (self.first, offset, self.stored), self.value = matrix, slot, value
        cut = max(len(point) - log_row, 0)
        self.high, low = point[:cut], point[cut:]
        # A short column lies in a row at a multiple of its length. The last coordinates of a narrow row are 0.
        self.low = bits(offset >> len(low), log_row - len(low)) + low + [ZERO] * missing
        # Claims with one fold speak of one combination of rows.
        self.fold = matrix, self.first, tuple(self.stored), tuple(self.high)

    def weights(self):
        """eq(high, a) for each stored row. `stored` has for each dimension its bits in `high` and its indices."""
        table, high = [ONE], self.high
        for count, limit in self.stored:
            part, high = eq_table(high[:count])[:limit], high[count:]
            table = [t * w for t in table for w in part]
        return table


class Group:
    """Claims on one fold; or claims on one matrix at one point in the row, if these are more."""

    def __init__(self, one_point):
        self.one_point, self.numbers, self.claims = one_point, [], []


def grouped(claims):
    """The groups, in the order of their first claim."""
    groups, point_of = {}, [(claim.matrix, tuple(claim.low)) for claim in claims]
    points, folds = Counter(point_of), Counter(claim.fold for claim in claims)
    for number, (claim, point) in enumerate(zip(claims, point_of)):
        one_point = points[point] > folds[claim.fold]
        group = groups.setdefault((one_point, point if one_point else claim.fold), Group(one_point))
        group.numbers.append(number)
        group.claims.append(claim)
    return list(groups.values())


class Opening:
    """`matrices` begin with the trace. With a mask its rows are followed by those of pads, masks and g."""

    def __init__(self, channel, code, levels, matrices, claims):
        self.channel, self.t = channel, channel.transcript
        self.code, self.levels, self.matrices, self.claims = code, levels, matrices, claims
        self.log_row, self.log_stride = code["log_row"], code["log_stride"]
        self.size, self.stride = 2**self.log_row + code["tail"], 2**self.log_stride
        self.narrow_row, self.narrow_tail = 2**self.log_row // self.stride, code["tail"] // self.stride
        used = {claim.matrix for claim in claims} | ({0} if channel.masked else set())
        self.opened = [number for number in range(len(matrices)) if number in used]

    def pairs(self):
        """Pairs of rows that hold the pads; known once all hidden values but two are read."""
        return -(-(self.channel.pads + 3) // self.narrow_row)

    # Steps 1 and 2: one claim on one combination of rows

    def combine(self):
        """Reads up to the row combination, and states what it must be."""
        channel, t = self.channel, self.t
        self.point, opened = self.merge()  # the groups with their values
        t.grind("opening.proximity.grind", 10)
        self.deltas = {number: self.draw_deltas(number) for number in self.opened}
        random, = channel.hidden("opening.proximity", 1)
        mask, blind = ZERO, ONE
        if channel.masked:
            mask, = channel.hidden("opening.mask", 1)
        t.grind("opening.combine.grind", 10)
        self.gammas = t.challenges("opening.combine", len(opened) + 1)
        if channel.masked:
            blind = t.challenge("opening.blind")
        self.gammas = [gamma * blind for gamma in self.gammas]
        self.groups = [group for group, _ in opened]
        if self.levels:
            self.vector = t.digest("recursion.root")
            product, = t.elements(3, "opening.product", 1)
            at_z = [(ONE - x, x) for x in reversed(self.point)] + [(ONE, ZERO)]
            self.product = [(at_z, product)]
        else:
            self.vector, self.product = t.elements(3, "opening.combination", self.size), []
            product = dot_k(self.vector, eq_table(self.point))
        found = weighted(self.gammas, [value for _, value in opened] + [random])
        channel.check("opening.inner_product", found + mask - product)

    def merge(self):
        channel, claims = self.channel, self.claims
        if not claims:
            return self.t.challenges("opening.merge", self.log_row), []
        rho = self.t.challenges("opening.batch", len(claims))
        joined = weighted(rho, [claim.value for claim in claims])
        z, _, last = sumcheck(channel, "opening.merge", [(self.log_row, 2, joined)])
        groups = grouped(claims)
        values = channel.hidden("opening.values", len(groups))
        found, joined = ZERO, []
        for group, value in zip(groups, values):
            # Claims at one point are one claim on the sum of their folds.
            points = [(group.claims[0], ONE)] if group.one_point else [(claims[k], rho[k]) for k in group.numbers]
            found = found + value * sum((eq(claim.low, z) * r for claim, r in points), ZERO)
            terms = [(claims[k], rho[k]) for k in group.numbers] if group.one_point else [(group.claims[0], ONE)]
            joined.append((terms, value))
        channel.check("opening.merge", found - last)
        return z, joined

    def draw_deltas(self, number):
        """A coefficient for each row but those of g. The two rows of an element of K share one."""
        deltas = self.t.challenges("opening.proximity", self.matrices[number].rows)
        if number == 0 and self.channel.masked:
            for delta in self.t.challenges("opening.proximity", 2 * self.pairs()):
                deltas += [delta, delta * I]
        return deltas

    # Closing check

    def close(self):
        """All constraints on the pads hold. The answers z = m + xi d are messages of narrow rows, pair by pair."""
        t = self.t
        eta = t.challenge("closing.batch")
        masked_0, masked_1 = t.elements(3, "closing.masked", 2)
        self.xi = t.challenge("closing.point")
        left, own_tail, z, self.answers = self.channel.pads + 1, self.code["queries"] + 2, [], []
        count = -(-left // self.narrow_row)
        # One message for all pairs.
        sent = t.elements(3, "closing.response", left + count * own_tail)
        for _ in range(count):
            here = min(left, self.narrow_row)
            pads, tail, sent = sent[:here], sent[here:here + own_tail], sent[here + own_tail:]
            z, left = z + pads, left - here
            row = pads + [ZERO] * (self.narrow_row - here) + tail
            self.answers.append(row + [ZERO] * (self.narrow_row + self.narrow_tail - len(row)))
        found, power = z[-1], ONE
        for value in self.channel.quadratic_forms(z, self.xi):
            found, power = found + value * power, power * eta
        if found != masked_0 + masked_1 * self.xi:
            raise Reject("closing.constraints")

    # Steps 3 to 5: columns

    def open(self):
        """The combination is that of the rows, at random positions."""
        t, code = self.t, self.code
        t.grind("opening.grind", code["grinding_bits"])
        joins = t.challenges("opening.join", len(self.answers)) if self.channel.masked else []
        positions = t.positions("opening.positions", code["queries"], 2 ** code["log_codeword"])
        phis = {j: factors(code["log_codeword"], j, self.log_row + 1) for j in positions}
        sums = dict.fromkeys(positions, ZERO)
        for number in self.opened:
            self.add_matrix(number, self.row_weights(number, joins), phis, sums)
        for join, answer in zip(joins, self.answers if joins else []):
            for j in positions:
                sums[j] -= codeword_at(phis[j][self.log_stride:], answer) * join
        columns = [(phis[j], sums[j]) for j in positions]
        verify_recursion(t, self.levels, self.size, self.vector, self.product, columns)

    def row_weights(self, number, joins):
        """What each row of a matrix counts in the word at the positions; g has factors of its own."""
        weights = [delta * self.gammas[-1] for delta in self.deltas[number]]
        for terms, gamma in zip(self.groups, self.gammas):
            for claim, factor in terms:
                if claim.matrix == number:
                    for row, weight in enumerate(claim.weights(), claim.first):
                        weights[row] += weight * factor * gamma
        if number == 0:
            pads = self.matrices[0].rows
            masks = pads + 2 * len(joins)
            for k, join in enumerate(joins):
                for first, factor in ((masks, join), (pads, join * self.xi)):
                    weights[first + 2 * k] += factor
                    weights[first + 2 * k + 1] += factor * I
        return weights

    def add_matrix(self, number, weights, phis, sums):
        """Reads the columns of a matrix, each symbol once, and adds what they give at each position."""
        matrix, t, code = self.matrices[number], self.t, self.code
        s, masked = matrix.log_stride, number == 0 and self.channel.masked
        rows = len(weights) + (2 * self.stride if masked else 0)
        symbols = sorted({j >> s for j in phis})
        salts = [t.digest("opening.salt") for _ in symbols]
        cells = t.cells("opening.columns", rows * len(symbols))
        columns = {i: cells[k * rows:(k + 1) * rows] for k, i in enumerate(symbols)}
        leaves = {i: leaf(columns[i], salt) for i, salt in zip(symbols, salts)}
        top = read_top(t, "opening.path", code["log_codeword"] - s, code["digest_bytes"], leaves)
        numbers = self.log_row - s, code["tail"] >> s, code["log_codeword"] - s, s, code["digest_bytes"], rows
        if root(*numbers, top) != matrix.root:
            raise Reject("opening.merkle", f"matrix {number}")
        combined = {i: dot(weights, column) for i, column in columns.items()}
        for j, of_j in phis.items():
            sums[j] += combined[j >> s]
            if masked:
                g = columns[j >> s][len(weights):]
                parts = basis(of_j, self.stride)
                sums[j] += K(sum(map(prod, zip(parts, g[::2]))), sum(map(prod, zip(parts, g[1::2]))))


def open_claims(channel, code, levels, matrices, claims):
    """Returns the opening, which knows how it went."""
    opening = Opening(channel, code, levels, matrices, claims)
    opening.combine()
    if channel.judges:
        if channel.masked:
            opening.close()
        opening.open()
    return opening
