"""What the argument reads from and states to. It is the same code for plain proofs and for zero knowledge.

Plain: a hidden value is an element of K, and a check is judged at once. With pads (docs/protocol/zero-knowledge.md): a
hidden value is the affine form `s - d` in the pads, and checks are kept for the closing check.
"""

from field import ZERO
from transcript import Reject


class Form:
    """An affine form in the pads: a constant, and a linear part that is an entry of a tape.

    An entry is the number of a pad, or a list of (factor, earlier entry). So a form takes no more memory than a number.
    """

    __slots__ = ("tape", "constant", "entry")

    def __init__(self, tape, constant, entry):
        self.tape, self.constant, self.entry = tape, constant, entry

    def combined(self, constant, terms):
        self.tape.append(terms)
        return Form(self.tape, constant, len(self.tape) - 1)

    def __add__(self, other):
        if isinstance(other, Form):
            return self.combined(self.constant + other.constant, [(1, self.entry), (1, other.entry)])
        return Form(self.tape, self.constant + other, self.entry)

    def __mul__(self, factor):
        return self.combined(self.constant * factor, [(factor, self.entry)])

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


class Channel:
    """`masked`: are hidden values padded? `judges`: is a plain check judged? Only a rehearsal says no."""

    def __init__(self, transcript, masked, judges=True):
        self.transcript, self.masked, self.judges = transcript, masked, judges
        self.tape, self.pads = [], 0
        self.constraints = []  # (form, [(factor, form, form)])
        self.count = 0

    def hidden(self, label, count):
        """One message of values that zero knowledge hides."""
        sent = self.transcript.elements(2, label, count)
        if not self.masked:
            self.pads += count
            return sent
        forms = []
        for s in sent:
            self.tape.append(self.pads)
            forms.append(Form(self.tape, s, len(self.tape) - 1))
            self.pads += 1
        return forms

    def check(self, name, value, products=(), place=""):
        """value + sum of c a b = 0, over products (c, a, b) of a factor and two hidden values."""
        self.count += 1
        if self.masked:
            self.constraints.append((value, products))
        elif self.judges:
            for factor, a, b in products:
                value = value + a * b * factor
            if value != ZERO:
                raise Reject(name, place)

    def quadratic_forms(self, z, xi):
        """The homogenized constraints at z and xi, in order: constants times xi^2, linear parts times xi."""
        linear = []
        for entry in self.tape:
            if isinstance(entry, int):
                linear.append(-z[entry])  # s - d
            else:
                linear.append(sum((linear[earlier] * factor for factor, earlier in entry), ZERO))

        def at(value):
            constant, part = (value.constant, linear[value.entry]) if isinstance(value, Form) else (value, ZERO)
            return constant * xi + part

        for value, products in self.constraints:
            yield sum((at(a) * at(b) * factor for factor, a, b in products), at(value) * xi)
