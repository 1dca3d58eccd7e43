//! Images as bytes, channels last.

/// Planes `[n, groups, channels, height, width]` as byte `byte` of `x - low`, channels last:
/// `[n, height + 2 padding, width + 2 padding, groups, stride]`. `stride` is the next multiple of four of `channels`.
/// Cells that no plane fills are that of 0.
pub(super) fn bytes_of_channels(
    x: &[i64],
    [n, groups, channels, height, width]: [usize; 5],
    padding: [usize; 2],
    (low, byte): (i64, u32),
) -> Vec<u8> {
    let of = |x: i64| (x.wrapping_sub(low) >> (8 * byte)) as u8;
    let (full_height, full_width) = (height + 2 * padding[0], width + 2 * padding[1]);
    let stride = channels.next_multiple_of(4);
    let pixel = groups * stride;
    let mut bytes = vec![of(0); n * full_height * full_width * pixel];
    let images = bytes.chunks_exact_mut(full_height * full_width * pixel);
    for (image, planes) in images.zip(x.chunks_exact(groups * channels * height * width)) {
        let rows = image.chunks_exact_mut(full_width * pixel).skip(padding[0]);
        for (row, to) in rows.take(height).enumerate() {
            for (column, to) in to
                .chunks_exact_mut(pixel)
                .skip(padding[1])
                .take(width)
                .enumerate()
            {
                let mut from = planes[row * width + column..].iter().step_by(height * width);
                for to in to.chunks_exact_mut(stride) {
                    for (to, from) in to[..channels].iter_mut().zip(from.by_ref()) {
                        *to = of(*from);
                    }
                }
            }
        }
    }
    bytes
}
