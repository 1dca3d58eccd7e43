mod checks;
mod identities;
