"""The promises of docs/reliability.md at full size: each gate is one module with `run(size)`."""
