"""Ground floor: values, contracts, protocol, errors, atomic files, progress and seeds."""
