#include "agents/nn/network_spec.h"
