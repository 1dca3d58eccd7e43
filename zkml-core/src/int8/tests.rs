use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Axis, Int8Blocks, Int8Cells, Int8Tensor};

fn axis(size: usize, stride: usize, present: usize) -> Axis {
    Axis {
        size,
        stride,
        present,
    }
}

fn counting(shape: &[usize]) -> Int8Tensor {
    let length: usize = shape.iter().product();
    Int8Tensor::new(shape, (0..length).map(|value| value as i8).collect()).unwrap()
}

#[test]
fn shapes_and_memory_must_fit() {
    assert!(Int8Tensor::new(&[2, 3], vec![0; 5]).is_none());
    assert!(Int8Tensor::new(&[usize::MAX, 2], vec![0; 5]).is_none());
    assert!(Int8Tensor::new(&[0, usize::MAX, 2], vec![]).is_none());
    assert!(Int8Tensor::zeros(&[1 << 40, 1 << 40]).is_none());
    assert_eq!(Int8Tensor::zeros(&[2, 2]).unwrap().to_vec(), [0; 4]);
    assert!(Int8Tensor::new(&[0, 3], vec![]).unwrap().is_empty());
    let cells = Int8Cells::from(vec![0; 16]);
    assert!(Int8Tensor::view(&cells, 1, vec![axis(3, 5, 4)]).is_none());
    assert!(Int8Tensor::view(&cells, 0, vec![axis(3, 5, 4)]).is_some());
    assert!(Int8Tensor::view(&cells, 0, vec![axis(3, 1, 2)]).is_none());
    assert!(Int8Tensor::view(&cells, 0, vec![axis(0, 1, 2)]).is_none());
    assert!(Int8Tensor::view(&cells, 0, vec![axis(usize::MAX, usize::MAX, usize::MAX)]).is_none());
}

#[test]
fn axes_are_turned_and_split_in_place() {
    let tensor = counting(&[4, 3, 2]);
    let turned = tensor.permuted(&[2, 0, 1]).unwrap();
    assert!(turned.cells().is_same_memory(tensor.cells()));
    assert_eq!(turned.shape(), [2, 4, 3]);
    let expected: Vec<i8> = (0..24)
        .map(|i| (i % 12 / 3 * 6 + i % 3 * 2 + i / 12) as i8)
        .collect();
    assert_eq!(turned.to_vec(), expected);
    assert_eq!(turned.permuted(&[1, 2, 0]).unwrap(), tensor);
    let split = tensor.reshaped(&[2, 2, 3, 2]).unwrap();
    assert!(split.cells().is_same_memory(tensor.cells()));
    assert_eq!(split.to_vec(), tensor.to_vec());
    assert_eq!(split.joined(&[4, 3, 2]).unwrap(), tensor);
    // What is out of order is copied.
    let copied = turned.reshaped(&[8, 3]).unwrap();
    assert!(!copied.cells().is_same_memory(tensor.cells()));
    assert_eq!(copied.to_vec(), expected);
    assert!(tensor.reshaped(&[5, 5]).is_none() && tensor.joined(&[5]).is_none());
    assert!(tensor.permuted(&[0, 1]).is_none() && tensor.permuted(&[0, 1, 1]).is_none());
}

/// The padded cells by definition.
fn padded(tensor: &Int8Tensor) -> Vec<i8> {
    crate::poly::PaddedShape::new(tensor.shape()).pad(&tensor.to_vec(), 0)
}

#[test]
fn pieces_are_those_of_the_padded_cells() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut borrowed = 0;
    for _ in 0..400 {
        let rank = rng.gen_range(0..5);
        let shape: Vec<usize> = (0..rank).map(|_| rng.gen_range(1..7)).collect();
        let mut stride = 1;
        let mut axes: Vec<Axis> = shape
            .iter()
            .rev()
            .map(|&size: &usize| {
                let present = if rng.gen_bool(0.8) {
                    size.next_power_of_two()
                } else {
                    size
                };
                let axis = axis(size, stride, present);
                stride *= present;
                axis
            })
            .collect();
        axes.reverse();
        let values = (0..shape.iter().product()).map(|_| rng.r#gen()).collect();
        let source = Int8Tensor::new(&shape, values).unwrap();
        let mut cells = vec![0; stride + 3];
        source.copy_to(&mut cells, 3, &axes);
        let view = Int8Tensor::view(&cells.into(), 3, axes).unwrap();
        for tensor in [source, view] {
            let expected = padded(&tensor);
            assert_eq!(tensor.padded_len(), expected.len());
            let mut length = 1;
            while length <= expected.len() {
                for start in (0..expected.len()).step_by(length) {
                    let piece = tensor.padded_piece(start, length);
                    let memory = matches!(piece, std::borrow::Cow::Borrowed(_));
                    borrowed += usize::from(memory && length > 8);
                    assert!(memory || length > tensor.padded_run(), "{tensor:?} {length}");
                    let mut found = piece.to_vec();
                    assert!(found.len() <= length);
                    found.resize(length, 0);
                    assert_eq!(
                        found,
                        expected[start..start + length],
                        "{tensor:?} {start} {length}"
                    );
                }
                length *= 2;
            }
        }
    }
    assert!(borrowed > 500, "{borrowed}");
}

#[test]
fn memory_is_shared_and_says_nothing() {
    let cells = Int8Cells::from(vec![42; 8]);
    let other = cells.clone();
    assert!(cells.is_same_memory(&other) && !cells.is_mapped());
    assert!(!cells.is_same_memory(&Int8Cells::from(vec![42; 8])));
    assert_eq!(format!("{cells:?}"), "Int8Cells(8)");
    drop(cells);
    assert_eq!(&*other, [42; 8]);
}

#[test]
fn blocks_are_put_together_in_row_major_order() {
    let whole = counting(&[5, 6]);
    let cut = |rows: core::ops::Range<usize>, columns: core::ops::Range<usize>| {
        let ranges = vec![rows, columns];
        let block = whole.narrowed(&ranges).unwrap();
        (ranges, block)
    };
    let all = [cut(0..4, 0..4), cut(0..4, 4..6), cut(4..5, 0..4), cut(4..5, 4..6)];
    assert_eq!(all[3].1.to_vec(), [28, 29]);
    let blocks = Int8Blocks::new(&[5, 6], all.to_vec()).unwrap();
    assert_eq!((blocks.shape(), blocks.to_vec()), (&[5, 6][..], whole.to_vec()));
    assert!(blocks.is_in(whole.cells()) && !blocks.is_in(&Int8Cells::from(vec![0; 30])));
    assert_eq!(blocks.block(&[0..4, 4..6]), Some(&all[1].1));
    assert!(blocks.block(&[0..4, 3..6]).is_none());
    for row in 0..5 {
        assert_eq!(blocks.row(row).unwrap(), whole.to_vec()[6 * row..][..6]);
    }
    assert!(blocks.row(5).is_none());
    // A block that is missing, that leaves the shape, that is not as large as its place.
    assert!(Int8Blocks::new(&[5, 6], all[1..].to_vec()).is_none());
    assert!(Int8Blocks::new(&[4, 6], vec![all[0].clone(), cut(4..5, 0..4), cut(0..4, 4..5)]).is_none());
    assert!(Int8Blocks::new(&[2, 4], vec![(vec![0..2, 0..4], cut(0..4, 0..2).1)]).is_none());
    // What no view shows.
    assert!(whole.narrowed(&[0..0, 0..6]).is_none() && whole.narrowed(&[0..6, 0..6]).is_none());
    assert!(whole.narrowed(core::slice::from_ref(&(0..5))).is_none());
}
