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
        if leaves.group_length() < 16 * groups::SHORTEST {
            continue;
        }
        let others = leaves.low_levels_of_others();
        let stored = leaves.levels(2 * groups::SHORTEST, &others[1]);
        for (index, level) in others.iter().chain(&stored).enumerate() {
            below = below.above().unwrap();
            assert_eq!(level.length, (leaves.group_length() / 2) >> index);
            if index >= 2 {
                let found = level.in_tree_order(stack.variables);
                assert_eq!(
                    (&found.numerators, &found.denominators),
                    (&below.numerators, &below.denominators)
                );
            }
            if level.length == 2 * groups::SHORTEST {
                break;
            }
            for point in points(Stream(2), (stack.variables - 1 - index) - 1) {
                let level = level.clone();
                check_layer(&below, &point, |lambda| match index {
                    0 => Layer::of_pairs(&leaves, level, &point, lambda),
                    1 => Layer::of_second(&leaves, level, &point, lambda),
                    _ => Layer::of_groups(level, &point, lambda),
                });
            }
        }
    }
}

/// The numbers of the groups of small integers.
fn small(case: &Case) -> Vec<usize> {
    let mut stream = Stream(5);
    let compression = Compression::draw(|_| stream.element());
    let stack = Stack::new(&case.statement);
    let leaves = leaves::Leaves::new(&case.statement, &stack, &compression, &case.witness());
    let mut both = [leaves.small_members(), leaves.others.clone()].concat();
    both.sort_unstable();
    assert_eq!(both, (0..leaves.groups()).collect::<Vec<usize>>());
    leaves.small_members()
}

#[test]
fn groups_of_one_table_with_small_columns_are_small() {
    let tables = [(12, 1), (13, 3), (12, 3)];
    // The largest blocks come first, those of one size in the order lookups, tables. Table 1 has a wide column and fills
    // group 4. Group 5 has two lookups into table 0, group 6 one of them and one into table 2, group 7 has tables.
    let lookups = [(14, 0), (13, 1), (13, 2), (12, 0), (12, 0), (12, 0), (12, 2)];
    assert_eq!(small(&case(3, &lookups, &tables)), [0, 1, 3, 5]);
}

#[test]
fn values_out_of_bounds_make_a_group_large_and_are_caught() {
    let honest = case(3, &[(13, 0)], &[(12, 1)]);
    assert_eq!(small(&honest), [0]);
    for (wrong, members) in [(-1, vec![]), (1 << 12, vec![0]), (1 << 19, vec![])] {
        let mut case = honest.clone();
        case.lookups[0][0][5] = from_i64(wrong);
        assert_eq!(small(&case), members, "{wrong}");
        assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM, "{wrong}");
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
        let mut found = vec![K::ZERO; 1 << variables];
        for (group, cells) in cells.chunks(1 << inner).enumerate() {
            groups::put_in_tree_order(group, cells, &mut found);
        }
        assert_eq!(found, tree);
    }
}
