// The parts of LibTorch that Reeve uses: tensors, autograd, threads. Included in place of
// <torch/torch.h>: with that, every file costs four times as long to compile (8 s instead of 2,
// with a precompiled header), for module classes, data loaders and optimisers that nobody uses.
#pragma once

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/types.h>
