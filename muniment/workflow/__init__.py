"""What people do: attest. Each act leaves a sealed entry."""
