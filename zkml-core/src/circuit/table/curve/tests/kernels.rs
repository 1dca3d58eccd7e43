//! The fast kernel's intervals hold those of the slow one.

use num_bigint::BigInt;

use super::super::enclose::{Kernel, Open};
use super::super::fast::{self, Fast};
use super::super::integer::Wide;
use super::super::slow::{Big, PRECISIONS};

/// Both in units of 2^-bits of the slow one.
fn assert_inside(fast: &Open<i128>, slow: &Open<BigInt>, bits: u32, what: &str, x: Wide) {
    let up = |value: i128| BigInt::from(value) << (bits - Fast.bits());
    assert!(slow.low < slow.high, "{what} at {x:?}");
    // The slow interval, a few units wide, may reach beyond a bound such as 1/2 that the fast one respects.
    assert!(
        up(fast.low) <= &slow.low + 4 && &slow.high - 4 <= up(fast.high),
        "{what} at {x:?}: {fast:?} {slow:?}"
    );
}

/// Numbers in (0, limit], among them short and tiny ones.
fn arguments(limit: u64) -> impl Iterator<Item = Wide> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let random = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    let long = random.take(4000).map(move |word| Wide {
        mantissa: ((i128::from(word) * i128::from(limit)) >> (word % 7)).max(1),
        exponent: -64,
    });
    let tiny = random.take(200).enumerate().map(|(index, word)| Wide {
        mantissa: i128::from(word | 1),
        exponent: -70 - index as i32,
    });
    let grid = (1..=32 * limit as i128).map(|mantissa| Wide {
        mantissa,
        exponent: -5,
    });
    long.chain(tiny).chain(grid)
}

#[test]
fn fast_intervals_hold_the_slow_ones() {
    let big = Big::new(128);
    let check = |limit, what: &str, function: &dyn Fn(Wide) -> (Open<i128>, Open<BigInt>)| {
        for x in arguments(limit) {
            let (fast, slow) = function(x);
            assert_inside(&fast, &slow, big.bits(), what, x);
        }
    };
    check(256, "exp_negative", &|a| {
        (Fast.exp_negative(a).unwrap(), big.exp_negative(a).unwrap())
    });
    check(256, "logistic", &|a| {
        (Fast.logistic(a).unwrap(), big.logistic(a).unwrap())
    });
    check(15, "gelu_logistic", &|a| {
        (Fast.gelu_logistic(a).unwrap(), big.gelu_logistic(a).unwrap())
    });
    check(256, "softplus_tail", &|a| {
        (Fast.softplus_tail(a).unwrap(), big.softplus_tail(a).unwrap())
    });
    check(32, "normal_tail", &|a| {
        (Fast.normal_tail(a).unwrap(), big.normal_tail(a).unwrap())
    });
}

#[test]
fn fast_exponentials_hold_the_slow_ones() {
    let big = Big::new(128);
    for a in arguments(256) {
        for x in [
            a,
            Wide {
                mantissa: -a.mantissa,
                ..a
            },
        ] {
            let (fast, n) = Fast.exp(x).unwrap();
            let (slow, m) = big.exp(x).unwrap();
            // Mantissas are in (1/2, 1] and [1, 2].
            let shift = n - m;
            assert!((0..=2).contains(&shift), "{x:?}");
            let raised = Open {
                low: fast.low << shift,
                high: fast.high << shift,
            };
            assert_inside(&raised, &slow, big.bits(), "exp", x);
        }
    }
}

/// Every precision encloses what the next one does.
#[test]
fn precisions_are_nested() {
    let kernels = PRECISIONS.map(Big::new);
    let near = |kernel: &Big, what: usize, a| match what {
        0 => kernel.exp_negative(a),
        1 => kernel.logistic(a),
        2 => kernel.gelu_logistic(a),
        3 => kernel.softplus_tail(a),
        _ => kernel.normal_tail(a),
    };
    for what in 0..5 {
        for a in arguments(15).step_by(97) {
            for pair in kernels.windows(2) {
                let excess = pair[1].bits() - pair[0].bits();
                let (coarse, fine) = (near(&pair[0], what, a).unwrap(), near(&pair[1], what, a).unwrap());
                assert!(coarse.low <= (&fine.low >> excess), "{what} at {a:?}");
                assert!((coarse.high << excess) >= fine.high, "{what} at {a:?}");
            }
            // An interval is a few units wide.
            let Open { low, high } = near(&kernels[0], what, a).unwrap();
            assert!(high - low <= BigInt::from(4), "{what} at {a:?}");
        }
    }
}

#[test]
fn constants_are_the_computed_ones() {
    let big = Big::new(128);
    let working = big.bits() + 32;
    let floor = |number: &BigInt, bits: u32| number >> (working - bits);
    for ends in [&big.ln_2.low, &big.ln_2.high] {
        assert_eq!(floor(ends, 96), BigInt::from(fast::LN_2));
        let inverse: BigInt = (BigInt::from(1) << (working + 32)) / ends;
        assert_eq!(inverse, BigInt::from(fast::LOG2_E));
    }
    for ends in [&big.root.low, &big.root.high] {
        let doubled: BigInt = ends * 2;
        assert_eq!(floor(&doubled, 59), BigInt::from(fast::GELU_FACTOR));
    }
}
