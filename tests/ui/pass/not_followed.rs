//! Shapes the compiler cannot follow give no false errors.

use zkml::prelude::*;

#[zk_model(input = [1, 8, 6, 6])]
struct Net {
    #[layer(in_channels = 8, out_channels = 8, kernel_size = 3)]
    conv: Conv2d,
    #[layer(repeat = 2, in_channels = 8, out_channels = 8, kernel_size = 1)]
    extra: Vec<Conv2d>,
    #[layer(in_features = 8, out_features = 3)]
    fc: Linear,
}

const SIZE: usize = 2;

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let mut x = x;
        (0..2).for_each(|_| x = self.conv(x));
        self.extra.iter().for_each(|layer| x = layer.forward(x));
        let y = if x.size(2) == 2 { max_pool2d(x, SIZE) } else { x };
        let y = self.helper(y);
        {
            x = y;
        }
        macro_rules! flat {
            ($x:ident) => {
                $x = flatten($x, 1)
            };
        }
        flat!(x);
        while x.shape().len() > 2 {
            x = flatten(x, 1);
        }
        self.fc(x)
    }

    fn helper(&self, x: Tensor) -> Tensor {
        relu(x) + relu(x)
    }
}

#[test]
fn traces() {
    assert_eq!(Net::new().trace().unwrap().nodes.last().unwrap().fact, [1, 3]);
}
