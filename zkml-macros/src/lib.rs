//! The `#[zk_model]` attribute (to come).
