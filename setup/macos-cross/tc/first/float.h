// Apple's <math.h> asks float.h for a part of it when modules are known; libc++'s, which Zig puts before it, is read once
// and would give only that part to everybody, or nothing to <math.h>.
#ifdef __need_infinity_nan
#include <__float_infinity_nan.h>
#undef __need_infinity_nan
#else
#include_next <float.h>
#endif
