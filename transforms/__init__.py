"""What is decided: frames in, frames out; all billing meaning, nothing that touches the world."""
