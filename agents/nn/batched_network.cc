#include "agents/nn/batched_network.h"
