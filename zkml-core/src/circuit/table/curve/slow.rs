//! Enclosures in integers of any length: intervals whose ends are rounded outwards at every step.

use num_bigint::BigInt;

use super::enclose::{Kernel, Open};
use super::integer::{Integer, Wide};

/// Fractional bits, in the order they are tried.
pub(super) const PRECISIONS: [u32; 4] = [128, 320, 640, 1280];
/// Bits beyond those of the result.
const GUARD: u32 = 32;

/// The kernels of one table, made when they are needed first.
#[derive(Default)]
pub(super) struct Slow {
    kernels: Vec<Big>,
    entries: u32,
}

impl Slow {
    /// How many entries came here.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// The answer of the first kernel that has one.
    pub(super) fn decide(&mut self, entry: impl Fn(&Big) -> Option<i64>) -> Option<i64> {
        self.entries += 1;
        PRECISIONS.iter().enumerate().find_map(|(index, &bits)| {
            if index == self.kernels.len() {
                self.kernels.push(Big::new(bits));
            }
            self.kernels.get(index).and_then(&entry)
        })
    }
}

/// A real number between two multiples of `2^-working`.
#[derive(Debug, Clone)]
pub(super) struct Interval {
    pub(super) low: BigInt,
    pub(super) high: BigInt,
}

/// `floor(x / y)` for `x >= 0`, `y > 0`.
fn floor(x: BigInt, y: &BigInt) -> BigInt {
    x.checked_div(y).unwrap_or_default()
}

/// `ceil(x / y)` for `x >= 0`, `y > 0`.
fn ceil(x: BigInt, y: &BigInt) -> BigInt {
    floor(x + y - 1, y)
}

/// `ceil(x / 2^bits)`
fn ceil_down(x: BigInt, bits: u32) -> BigInt {
    -((-x) >> bits)
}

impl Interval {
    fn exactly(value: BigInt) -> Self {
        Self {
            low: value.clone(),
            high: value,
        }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            low: &self.low + &other.low,
            high: &self.high + &other.high,
        }
    }

    fn minus(&self, other: &Self) -> Self {
        Self {
            low: &self.low - &other.high,
            high: &self.high - &other.low,
        }
    }

    /// `self * other`; both at least 0.
    fn times(&self, other: &Self, working: u32) -> Self {
        Self {
            low: (&self.low * &other.low) >> working,
            high: ceil_down(&self.high * &other.high, working),
        }
    }

    fn scaled(&self, factor: u64) -> Self {
        Self {
            low: &self.low * factor,
            high: &self.high * factor,
        }
    }

    fn over(&self, divisor: u64) -> Self {
        let divisor = BigInt::from(divisor);
        Self {
            low: floor(self.low.clone(), &divisor),
            high: ceil(self.high.clone(), &divisor),
        }
    }

    /// `self / other`, `other > 0`.
    fn divided(&self, other: &Self, working: u32) -> Self {
        Self {
            low: floor(&self.low << working, &other.high),
            high: ceil(&self.high << working, &other.low),
        }
    }

    fn negated(self) -> Self {
        Self {
            low: -self.high,
            high: -self.low,
        }
    }

    /// `self 2^-bits`
    fn down(&self, bits: u32) -> Self {
        Self {
            low: &self.low >> bits,
            high: ceil_down(self.high.clone(), bits),
        }
    }
}

/// `sum t_k` over `k >= 0`; `t_0 = first` and `t_(k+1) = next(t_k, k)`. `halves(k)` says that every term after `t_k` is
/// at most half of the one before it.
fn series(
    first: Interval,
    halves: impl Fn(u64) -> bool,
    next: impl Fn(&Interval, u64) -> Interval,
) -> Interval {
    // A term is rounded up, so it stops shrinking at a unit or two.
    let small = BigInt::from(2);
    let (mut sum, mut term) = (first.clone(), first);
    let mut k = 0;
    while term.high > small || !halves(k) {
        term = next(&term, k);
        sum = sum.plus(&term);
        k += 1;
    }
    // The terms that are left out are no more than the last one.
    sum.high += term.high;
    sum
}

/// `sum s^k p_k / (2k + 1)` over `k >= 0`, `s = -1` if `alternating`; `p_0 = first`, and each power `p_(k+1) =
/// next(p_k)` is at most a ninth of the one before it.
fn odd_series(first: Interval, alternating: bool, next: impl Fn(&Interval) -> Interval) -> Interval {
    let unit = BigInt::from(1);
    let (mut sum, mut power) = (first.clone(), first);
    let mut k = 1;
    while power.high > unit {
        power = next(&power);
        let term = power.over(2 * k + 1);
        sum = match alternating && k % 2 == 1 {
            true => sum.minus(&term),
            false => sum.plus(&term),
        };
        k += 1;
    }
    // What is left out is less than the last power.
    Interval {
        low: sum.low - &power.high,
        high: sum.high + power.high,
    }
}

/// The kernel with `bits` fractional bits.
#[derive(Debug)]
pub(super) struct Big {
    bits: u32,
    /// Fractional bits of intermediate results.
    working: u32,
    pub(super) ln_2: Interval,
    /// `sqrt(2 / pi)`
    pub(super) root: Interval,
}

impl Big {
    pub(super) fn new(bits: u32) -> Self {
        let working = bits + GUARD;
        let one = Interval::exactly(BigInt::from(1) << working);
        // ln 2 = 2 artanh(1/3); pi = 16 arctan(1/5) - 4 arctan(1/239), Machin.
        let ln_2 = odd_series(one.over(3), false, |power| power.over(9)).scaled(2);
        let arctan = |q: u64| odd_series(one.over(q), true, |power| power.over(q * q));
        let pi = arctan(5).scaled(16).minus(&arctan(239).scaled(4));
        // `ratio` is x 2^w; the root of x in units of 2^-w is the integer root of x 2^(2w).
        let ratio = one.scaled(2).divided(&pi, working);
        let root = Interval {
            low: (ratio.low << working).sqrt(),
            high: (ratio.high << working).sqrt() + 1,
        };
        Self {
            bits,
            working,
            ln_2,
            root,
        }
    }

    fn unit(&self) -> Interval {
        Interval::exactly(BigInt::from(1) << self.working)
    }

    fn argument(&self, x: Wide) -> Option<Interval> {
        let (low, exact) = x.fixed::<BigInt>(self.working)?;
        let high = if exact { low.clone() } else { &low + 1 };
        Some(Interval { low, high })
    }

    /// `(y, n)` with `e^x = y 2^n`, `y` between 1 and 2.1.
    fn exponential(&self, x: &Interval) -> Option<(Interval, i32)> {
        // x - n ln 2 is at least 0 with either end of ln 2.
        let (nearer, farther) = match x.low < BigInt::from(0) {
            true => (&self.ln_2.low, &self.ln_2.high),
            false => (&self.ln_2.high, &self.ln_2.low),
        };
        let n = x.low.floor_div(nearer)?;
        let r = Interval {
            low: &x.low - &n * nearer,
            high: &x.high - &n * farther,
        };
        // r < 0.7: from the second term on each is at most half of the one before.
        let y = series(
            self.unit(),
            |k| k >= 1,
            |term, k| term.times(&r, self.working).over(k + 1),
        );
        Some((y, i32::try_from(&n).ok()?))
    }

    /// `e^-x`, `x >= 0`.
    fn decay(&self, x: Interval) -> Option<Interval> {
        // The exponent is at most 0.
        let (y, n) = self.exponential(&x.negated())?;
        Some(y.down(u32::try_from(-n).ok()?))
    }

    /// `1 / (1 + e)`
    fn share(&self, e: &Interval) -> Interval {
        self.unit().divided(&self.unit().plus(e), self.working)
    }

    /// An open interval in units of 2^-bits.
    fn opened(&self, y: &Interval) -> Open<BigInt> {
        let y = y.down(GUARD);
        Open {
            low: y.low - 1,
            high: y.high + 1,
        }
    }

    /// The same for a number between 0 and 1.
    fn proper(&self, y: &Interval) -> Option<Open<BigInt>> {
        let open = self.opened(y);
        Some(Open {
            low: open.low.max(BigInt::from(0)),
            high: open.high.min(self.one()?),
        })
    }

    /// `e^(-a^2 / 2) / sqrt(2 pi)`
    pub(super) fn normal_density(&self, a: Wide) -> Option<Open<BigInt>> {
        let a = self.argument(a)?;
        let decay = self.decay(a.times(&a, self.working).down(1))?;
        self.proper(&decay.times(&self.root, self.working).down(1))
    }
}

impl Kernel for Big {
    type T = BigInt;

    fn bits(&self) -> u32 {
        self.bits
    }

    fn exp(&self, x: Wide) -> Option<(Open<BigInt>, i32)> {
        let (y, n) = self.exponential(&self.argument(x)?)?;
        Some((self.opened(&y), n))
    }

    fn exp_negative(&self, a: Wide) -> Option<Open<BigInt>> {
        self.proper(&self.decay(self.argument(a)?)?)
    }

    fn logistic(&self, a: Wide) -> Option<Open<BigInt>> {
        self.proper(&self.share(&self.decay(self.argument(a)?)?))
    }

    fn gelu_logistic(&self, a: Wide) -> Option<Open<BigInt>> {
        let a = self.argument(a)?;
        let cubic = a.times(&a, self.working).scaled(44_715).over(1_000_000);
        let sum = self.unit().plus(&cubic).times(&a, self.working);
        let u = sum.times(&self.root, self.working).scaled(2);
        self.proper(&self.share(&self.decay(u)?))
    }

    fn softplus_tail(&self, a: Wide) -> Option<Open<BigInt>> {
        let e = self.decay(self.argument(a)?)?;
        // ln(1 + e) = 2 artanh(e / (2 + e)), and e / (2 + e) <= 1/3.
        let t = e.divided(&self.unit().scaled(2).plus(&e), self.working);
        let square = t.times(&t, self.working);
        let logarithm = odd_series(t, false, |power| power.times(&square, self.working));
        self.proper(&logarithm.scaled(2))
    }

    /// `1/2 - phi(a) sum_k a^(2k+1) / (1 3 5 ... (2k+1))`
    fn normal_tail(&self, a: Wide) -> Option<Open<BigInt>> {
        let a = self.argument(a)?;
        let square = a.times(&a, self.working);
        // From 2k + 3 >= 2 a^2 on a term is at most half of the one before.
        let last = ceil_down(square.high.clone(), self.working) * 2;
        let sum = series(
            a,
            |k| BigInt::from(2 * k + 3) >= last,
            |term, k| term.times(&square, self.working).over(2 * k + 3),
        );
        // The sum may be large, e^(a^2 / 2): its product with 2^n comes first.
        let (y, n) = self.exponential(&square.down(1).negated())?;
        let product = sum.down(u32::try_from(-n).ok()?).times(&y, self.working);
        let inside = product.times(&self.root, self.working).down(1);
        self.proper(&self.unit().down(1).minus(&inside))
    }

    fn factor(&self, a: Wide) -> Option<(BigInt, BigInt, i32)> {
        let mantissa = BigInt::from(a.mantissa);
        Some((mantissa.clone(), mantissa, a.exponent))
    }
}
