//! A network of your own: residual blocks with batch normalization, a branch that is concatenated, weights from a
//! safetensors file. The weights are random, so the answer means nothing; its proof is as good as any.
//!
//! `cargo run --release --example custom_layer`

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::time::Instant;

use support::random::{Random, write_random_weights};
use zkml::ndarray::ArrayD;
use zkml::prelude::*;

/// `relu(bn(conv(x)) + x)`.
#[zk_model]
struct Block {
    #[arg]
    channels: usize,
    #[layer(in_channels = channels, out_channels = channels, kernel_size = 3, padding = 1, bias = false)]
    conv: Conv2d,
    #[layer(num_features = channels)]
    bn: BatchNorm2d,
}

#[zk_model]
impl Block {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.bn(self.conv(x)) + x)
    }
}

#[zk_model(input = [1, 3, 12, 12])]
struct Net {
    #[layer(in_channels = 3, out_channels = 8, kernel_size = 3, padding = 1)]
    stem: Conv2d,
    #[layer(repeat = 2, channels = 8)]
    blocks: Vec<Block>,
    #[layer(in_features = 16, out_features = 5)]
    head: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let start = relu(self.stem(x));
        let mut x = start;
        for block in &self.blocks {
            x = block.forward(x);
        }
        let both = cat([max_pool2d(x, 2), avg_pool2d(start, 2)], 1);
        self.head(flatten(adaptive_avg_pool2d(both, 1), 1))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    zkml::observe::show_progress();
    let mut random = Random(2026);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("net.safetensors");
    write_random_weights(&Net::new().trace()?, &mut random, &path)?;
    let mut image = || ArrayD::from_shape_simple_fn(vec![1, 3, 12, 12], || random.next());
    let samples: Vec<ArrayD<f32>> = (0..16).map(|_| image()).collect();

    let model = Net::new().load(&path)?;
    for pass in model.passes() {
        println!("{pass}");
    }
    let model = model.quantize(&samples)?;
    println!("\nthe integer network\n{}", model.network().graph);
    let (prover, verifier) = model.setup()?;
    let start = Instant::now();
    let answer = prover.prove(&image(), b"nonce")?;
    println!("proved in {:.0?}", start.elapsed());
    let start = Instant::now();
    let verified = verifier.verify(answer.proof(), b"nonce")?;
    println!("verified in {:.1?}\n{verified}", start.elapsed());
    Ok(())
}
