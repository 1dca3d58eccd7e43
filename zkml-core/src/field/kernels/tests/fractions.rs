//! Levels of trees of fractions, group by group.

use std::borrow::Cow;

use super::*;

#[test]
fn layers_of_fractions_whose_leaves_are_not_written_down() {
    for (groups, cells, last) in [(1, 2, 1), (3, 16, 2), (5, 64, 64 / 2), (9, 8192, 64)] {
        let mut rng = StdRng::seed_from_u64(cells as u64);
        let (mut p, q) = (
            table(&mut rng, groups * cells, Fill::Mixed),
            table(&mut rng, groups * cells, Fill::Mixed),
        );
        // Every second group has numerators 1.
        p.chunks_mut(2 * cells)
            .for_each(|pair| pair[..cells].fill(K::ONE));
        let part = |table: &[K], group: usize| table[group * cells..][..cells].to_vec();
        for &backend in available_backends() {
            let below = |group: usize| {
                let mixed = group % 2 == 1;
                let numerators = mixed.then(|| Cow::Owned(part(&p, group)));
                Below::Fractions(numerators, Cow::Owned(part(&q, group)))
            };
            let found = backend.fraction_groups_of([groups, cells / 2, last], below);
            let mut expected = vec![];
            let mut length = cells / 2;
            while length >= last {
                expected.push((vec![], vec![]));
                length /= 2;
            }
            for group in 0..groups {
                let mut fractions = (part(&p, group), part(&q, group));
                for (p, q) in &mut expected {
                    fractions = backend.fraction_layer(&fractions.0, &fractions.1);
                    p.extend_from_slice(&fractions.0);
                    q.extend_from_slice(&fractions.1);
                }
            }
            assert_eq!(found, expected, "{backend:?} {groups} {cells}");
        }
    }
}
