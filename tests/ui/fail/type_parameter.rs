use zkml::prelude::*;

#[zk_model]
struct Net<'a, T> {
    #[layer(in_features = 8, out_features = 8)]
    fc: Linear,
}

fn main() {}
