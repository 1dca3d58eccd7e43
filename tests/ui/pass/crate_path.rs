//! zkml under another name.

mod vendor {
    pub use zkml as proofs;
}

use vendor::proofs::prelude::*;

#[zk_model(crate = vendor::proofs, input = [1, 4])]
struct Net {
    #[layer(in_features = 4, out_features = 2)]
    fc: Linear,
}

#[zk_model(crate = vendor::proofs)]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x).relu()
    }
}

#[test]
fn traces() {
    assert!(Net::new().trace().is_ok());
}
