"""The batched sumcheck (docs/protocol/sumcheck.md)."""

from field import ONE, ZERO, P, inverse


def lagrange(degree, x):
    """The weights of g(0), .., g(degree) in g(x)."""
    weights = []
    for i in range(degree + 1):
        weight = ONE
        for j in range(degree + 1):
            if j != i:
                weight *= (x - j) * inverse(i - j)
        weights.append(weight)
    return weights


def sumcheck(channel, label, instances):
    """Instances are (variables, degree, claim). Returns the point, the instances' coefficients and the last value."""
    rounds = max(variables for variables, _, _ in instances)
    rho = channel.transcript.challenges(label, len(instances)) if len(instances) > 1 else [ONE]
    value = weighted(rho, [claim for _, _, claim in instances])
    point = []
    for left in range(rounds, 0, -1):
        degree = max([1] + [d for variables, d, _ in instances if variables >= left])
        at_0, *others = channel.hidden(label, degree)
        r = channel.transcript.challenge(label)
        value = weighted(lagrange(degree, r), [at_0, value - at_0, *others])
        point.append(r)
    half = inverse(2)
    return point, [c * pow(half, rounds - n, P) for c, (n, _, _) in zip(rho, instances)], value


def weighted(factors, values):
    """sum of values times factors; the values may be hidden."""
    result = ZERO
    for factor, value in zip(factors, values, strict=True):
        result = result + value * factor
    return result
