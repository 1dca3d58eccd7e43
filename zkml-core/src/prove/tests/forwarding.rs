//! Channels around a channel `inner`: the methods that pass on what they are given.

/// The methods of that name of a prover's channel.
macro_rules! sends {
    ($($method:ident),*) => {
        $($crate::prove::tests::forwarding::sends!(@ $method);)*
    };
    (@ send_scalars) => {
        fn send_scalars(&mut self, label: &'static str, values: &[K]) {
            self.inner.send_scalars(label, values);
        }
    };
    (@ send_extension) => {
        fn send_extension(&mut self, label: &'static str, values: &[K]) {
            self.inner.send_extension(label, values);
        }
    };
    (@ send_base) => {
        fn send_base(&mut self, label: &'static str, values: &[M61]) {
            self.inner.send_base(label, values);
        }
    };
    (@ send_digest) => {
        fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
            self.inner.send_digest(label, value);
        }
    };
    (@ send_node) => {
        fn send_node(&mut self, label: &'static str, value: &[u8; 32], bytes: usize) {
            self.inner.send_node(label, value, bytes);
        }
    };
    (@ positions) => {
        fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
            self.inner.positions(label, count, bound)
        }
    };
    (@ grind) => {
        fn grind(&mut self, label: &'static str, bits: u32) {
            self.inner.grind(label, bits);
        }
    };
}

pub(crate) use sends;
