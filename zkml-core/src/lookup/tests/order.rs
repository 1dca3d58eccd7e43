//! The order of the tree's variables: the stack is added group by group.

use super::*;

#[test]
fn groups_give_the_layers_of_the_whole_tree() {
    type Slice<'a> = &'a [(usize, usize)];
    let cases: [(Slice<'_>, Slice<'_>); 8] = [
        // One group: with many fillers, with few, with none.
        (&[(7, 0)], &[(1, 2)]),
        (&[(7, 0), (6, 0), (2, 0)], &[(3, 1)]),
        (&[(9, 0), (8, 0), (7, 0), (6, 0), (5, 0)], &[(5, 3)]),
        (&[(2, 0)], &[(7, 2)]),
        (&[(8, 0), (8, 1)], &[(8, 1), (8, 2)]),
        // Several groups: the last one full, and not; tables that fill groups and that share one.
        (&[(14, 0)], &[(13, 1)]),
        (&[(13, 0), (13, 1), (9, 0)], &[(13, 1), (10, 2)]),
        (&[(15, 0), (14, 1), (13, 0), (12, 0), (1, 0)], &[(14, 2), (12, 1)]),
    ];
    for (seed, (lookups, tables)) in cases.into_iter().enumerate() {
        let case = case(seed as u64, lookups, tables);
        let mut stream = Stream(seed as u64);
        let compression = Compression::draw(|_| stream.element());
        let stack = Stack::new(&case.statement);
        let witness = case.witness();
        let leaves = leaves::Leaves::new(&case.statement, &stack, &compression, &witness);
        let points = |mut stream: Stream, variables: usize| {
            // The first rounds, rounds of groups and the last ones at the coordinate 0.
            [0..0, 0..2, 3..5, variables - 2..variables].map(|zeros| {
                let mut point = stream.elements(variables);
                point.drain(zeros.clone());
                zeros.for_each(|at| point.insert(at, K::ZERO));
                point
            })
        };
        let mut below = leaves.level();
        for point in points(Stream(1), stack.variables - 1) {
            check_layer(&below, &point, |lambda| Layer::of_leaves(&leaves, &point, lambda));
        }
        let length = leaves.group_length() / 2;
        let of_levels = |keep_first| leaves.levels(2 * groups::SHORTEST, keep_first);
        for (index, level) in of_levels(true).into_iter().enumerate() {
            below = below.above().unwrap();
            let found = level.in_tree_order(stack.variables);
            assert_eq!(level.length, length >> index);
            assert_eq!(
                (&found.numerators, &found.denominators),
                (&below.numerators, &below.denominators)
            );
            if index > 0 {
                let same = &of_levels(false)[index - 1];
                assert_eq!(
                    (&level.numerators, &level.denominators),
                    (&same.numerators, &same.denominators)
                );
            }
            if level.length == 2 * groups::SHORTEST {
                break;
            }
            for point in points(Stream(2), (stack.variables - 1 - index) - 1) {
                let same = groups::GroupedLevel {
                    numerators: level.numerators.clone(),
                    denominators: level.denominators.clone(),
                    length: level.length,
                };
                check_layer(&below, &point, |lambda| Layer::of_groups(same, &point, lambda));
            }
        }
    }
}

/// Blocks of 0 to 15 variables, mixed, and stacks that are one group: the argument against the columns themselves.
#[test]
fn claims_are_values_at_suffixes_in_the_order_of_the_stack() {
    let tables = [(13, 1), (5, 2), (9, 2)];
    let lookup = |variables: usize| (variables, variables % 3);
    // All but 14, so that no proof of work is asked for.
    let all: Sizes = (0..14).chain([15]).map(lookup).collect();
    let others = [0..15, 0..13, 3..4].map(|variables| variables.map(lookup).collect());
    for lookups in others.into_iter().chain([all]) {
        let case = case(7, &lookups, &tables);
        let (claims, messages) = case.prove();
        assert!(case.claims_hold(&claims));
        assert_eq!(case.verify(messages), Ok(claims));
    }
    for variables in 0..13 {
        let case = case(8, &[(variables, 0)], &[(variables, 2)]);
        let (claims, messages) = case.prove();
        assert!(case.claims_hold(&claims));
        assert_eq!(case.verify(messages), Ok(claims));
    }
}

/// The value of the cells in the order of the tree, at a point of the tree, is that of the stack at the point of the
/// stack.
#[test]
fn points_of_the_tree_are_points_of_the_stack() {
    for variables in [0, 1, 5, 12, 13, 14, 16] {
        let mut stream = Stream(variables as u64);
        let (cells, point) = (stream.elements(1 << variables), stream.elements(variables));
        let (inner, outer) = (variables.min(13), variables - variables.min(13));
        let of_tree = |index: usize| cells[((index & ((1 << outer) - 1)) << inner) | (index >> outer)];
        let tree: Vec<K> = (0..1 << variables).map(of_tree).collect();
        assert_eq!(
            evaluate(&tree, &point),
            evaluate(&cells, &stack::of_stack(point.clone()))
        );
        assert_eq!(
            groups::in_tree_order(cells.chunks(1 << inner), 1 << inner, variables, K::ZERO),
            tree
        );
    }
}
