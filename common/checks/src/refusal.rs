//! Decoding of Entra's and Azure's refusals.
