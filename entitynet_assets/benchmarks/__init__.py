"""Benchmarks: held-out pictures, a source because decontamination needs them early and scoring late."""
