"""The base of vadkit: values, contracts, protocol, errors, atomic files, progress and seeds."""
