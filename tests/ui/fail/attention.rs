use zkml::nn::{ScaledDotProductAttentionOptions, scaled_dot_product_attention_with};
use zkml::prelude::*;

#[zk_model(inputs = [[1, 8, 5, 6], [1, 3, 7, 6], [1, 4, 7, 6]])]
struct Net {
    #[layer(normalized_shape = 8)]
    norm: RMSNorm,
}

#[zk_model]
impl Net {
    fn forward(&self, q: Tensor, k: Tensor, v: Tensor) -> Tensor {
        let _ = scaled_dot_product_attention(q, k, k);
        let _ = scaled_dot_product_attention_with(q, v, k, ScaledDotProductAttentionOptions::new());
        let _ = scaled_dot_product_attention(q, q.view([1, 8, 6, 5]), v);
        let _ = matmul(q, v);
        let _ = q.matmul(v.transpose(1, 2));
        let _ = softmax(q, 4);
        let _ = transpose(q, 1, -5);
        let _ = narrow(q, 2, 3, 3);
        self.norm(q)
    }
}

fn main() {
    let _ = Net::new().trace();
}
