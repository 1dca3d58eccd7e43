//! The tree of fractions by its definition, every level written out: the slow prover that the fast one must follow, message
//! by message.

use super::*;

/// All levels, and the columns.
struct Definition<'a> {
    case: &'a Case,
    /// Numerators and denominators in the order of the tree, the root first.
    levels: Vec<Vec<[K; 2]>>,
}

/// The four tables `p0, p1, q0, q1` of a layer, and the coordinates of the rounds that are left.
struct Tables {
    lambda: K,
    point: Vec<K>,
    tables: [Vec<K>; 4],
}

impl<'a> Definition<'a> {
    fn new(case: &'a Case, compression: &Compression) -> Self {
        let stack = Stack::new(&case.statement);
        let mut cells = vec![[K::ZERO, K::ONE]; 1 << stack.variables];
        for block in &stack.blocks {
            let (columns, table, counts) = match block.kind {
                BlockKind::Lookup(index) => (&case.lookups[index], case.statement.lookups[index].table, None),
                BlockKind::Table(index) => (&case.tables[index], index, Some(&case.multiplicities[index])),
            };
            for row in 0..1 << block.variables {
                let lift = |x: M61| K::from_base_prime_field(x);
                let terms = columns.iter().zip(compression.coefficients());
                let sum: K = terms.map(|(column, power)| power * lift(column[row])).sum();
                cells[block.offset as usize + row] = [
                    counts.map_or(K::ONE, |counts| -lift(counts[row])),
                    compression.constant(table) + sum,
                ];
            }
        }
        // The position in a group comes before the group.
        let group = cells.len().min(1 << GROUP_VARIABLES);
        let of_position = |inner: usize| cells[inner..].iter().step_by(group).copied();
        let mut levels: Vec<Vec<[K; 2]>> = vec![(0..group).flat_map(of_position).collect()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let (low, high) = level.split_at(level.len() / 2);
            let pairs = low.iter().zip(high);
            levels.push(
                pairs
                    .map(|([p0, q0], [p1, q1])| [*p0 * q1 + *p1 * q0, *q0 * q1])
                    .collect(),
            );
        }
        levels.reverse();
        Self { case, levels }
    }
}

impl FractionTree<Infallible> for Definition<'_> {
    type Layer<'t>
        = Tables
    where
        Self: 't;

    fn denominator(&self) -> Result<K, Infallible> {
        Ok(self.levels[0][0][1])
    }

    fn layer(&mut self, point: &[K], lambda: K) -> Result<Tables, Infallible> {
        let (low, high) = self.levels[point.len() + 1].split_at(1 << point.len());
        let table = |half: &[[K; 2]], part: usize| half.iter().map(|fraction| fraction[part]).collect();
        Ok(Tables {
            lambda,
            point: point.to_vec(),
            tables: [table(low, 0), table(high, 0), table(low, 1), table(high, 1)],
        })
    }

    fn claims(&self, point: Vec<K>) -> Result<Claims<K>, Infallible> {
        let value =
            |column: &Vec<M61>| evaluate(&lift(column), suffix(&point, column.len().ilog2() as usize));
        let lookups = self.case.lookups.iter();
        Ok(Claims {
            lookups: lookups
                .map(|columns| columns.iter().map(value).collect())
                .collect(),
            multiplicities: self.case.multiplicities.iter().map(value).collect(),
            point,
        })
    }
}

impl FractionLayer<Infallible> for Tables {
    fn round(&mut self, _: K) -> Result<[K; 2], Infallible> {
        let half = self.tables[0].len() / 2;
        let eq = crate::poly::eq_table(&self.point[1..]);
        let [zero, one, two] = [0u64, 1, 2].map(|t| {
            let term = |x: usize| {
                let at = |table: &Vec<K>| table[x] + K::from(t) * (table[x + half] - table[x]);
                let [p0, p1, q0, q1] = self.tables.each_ref().map(at);
                eq[x] * (p0 * q1 + p1 * q0 + self.lambda * q0 * q1)
            };
            (0..half).map(term).sum::<K>()
        });
        // G(1) = a + b + c, G(2) = a + 2 b + 4 c.
        let quadratic = (two - one.double() + zero) / K::from(2u64);
        Ok([one - zero - quadratic, quadratic])
    }

    fn bind(&mut self, challenge: K) -> Result<(), Infallible> {
        self.point.remove(0);
        for table in &mut self.tables {
            let high = table.split_off(table.len() / 2);
            let pairs = table.iter_mut().zip(high);
            pairs.for_each(|(low, high)| *low += challenge * (high - *low));
        }
        Ok(())
    }

    fn ends(self) -> Result<[K; 4], Infallible> {
        Ok(self.tables.map(|table| table[0]))
    }
}

/// The messages and claims of the slow prover are those of the fast one.
fn compare(case: &Case) {
    let mut channel = TestProver::default();
    let tree = |_: usize, compression: &Compression| Ok(Definition::new(case, compression));
    let claims = only(prove(&mut channel, slice::from_ref(&case.statement), tree).unwrap());
    assert!((claims, channel.messages) == case.prove(), "{:?}", case.statement);
}

#[test]
fn every_message_follows_from_the_definition() {
    type Slice<'a> = &'a [(usize, usize)];
    let cases: [(Slice<'_>, Slice<'_>); 7] = [
        // Stacks of less than a group.
        (&[], &[(0, 1)]),
        (&[(7, 0), (3, 1)], &[(4, 1), (2, 3)]),
        (&[(10, 0), (9, 1)], &[(4, 1), (2, 3)]),
        // Groups of small integers alone; with large ones; with fillers; without small ones.
        (&[(13, 0)], &[(13, 1)]),
        (&[(13, 0), (13, 1), (13, 2)], &[(6, 2), (8, 3), (5, 3)]),
        (&[(13, 1), (12, 1), (12, 1), (9, 0)], &[(12, 1), (4, 2)]),
        (&[(14, 0)], &[(7, 3)]),
    ];
    for (seed, (lookups, tables)) in cases.into_iter().enumerate() {
        compare(&case(seed as u64, lookups, tables));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn messages_of_small_statements_follow_from_the_definition((lookups, tables) in sizes(), seed: u64) {
        compare(&case(seed, &lookups, &tables));
    }
}
