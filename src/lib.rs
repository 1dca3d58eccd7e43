//! zkml facade (to come)
