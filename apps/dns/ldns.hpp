// SPDX-License-Identifier: MIT
#pragma once

#include <ldns/ldns.h>

#undef true  // which ldns defines as numbers, for old compilers of C
#undef false
#undef bool
