// One kernel body for three languages: Metal, CUDA and host C++. A kernel is a function that a group of threads runs
// together, `lane` of `threads`; every loop over work is strided by `threads`, and on the host a group is one thread.
// `thread`, `device`, `constant`, `half` are words of Metal's: no names of ours.
#pragma once

#if defined(__METAL_VERSION__)
#include <metal_stdlib>
using namespace metal;
#define J2_GLOBAL device
#define J2_SHARED threadgroup
#define J2_FUNCTION inline
#define J2_BARRIER() threadgroup_barrier(mem_flags::mem_threadgroup)
#define J2_STRING(x) #x
#define J2_UNROLL(count) _Pragma(J2_STRING(clang loop unroll_count(count)))
typedef ulong j2_u64;
typedef float4 j2_float4;
#define J2_FLOAT_BITS(x) as_type<uint>(x)
#define J2_BITS_FLOAT(x) as_type<float>(x)
#define J2_EXP(x) metal::precise::exp(x)
#define PK_FN inline
#define PK_GLOBAL device
#define PK_ADD(where) atomic_fetch_add_explicit((device atomic_uint*)(where), 1u, memory_order_relaxed)
#elif defined(__CUDACC__)
#define J2_GLOBAL
#define J2_SHARED
#define J2_FUNCTION __device__ __forceinline__
#define J2_BARRIER() __syncthreads()
#define J2_STRING(x) #x
#define J2_UNROLL(count) _Pragma(J2_STRING(unroll count))
typedef unsigned long long j2_u64;
typedef float4 j2_float4;
#define J2_FLOAT_BITS(x) __float_as_uint(x)
#define J2_BITS_FLOAT(x) __uint_as_float(x)
#define J2_EXP(x) expf(x)
#define PK_FN __device__ __forceinline__
#define PK_GLOBAL
#define PK_ADD(where) atomicAdd(where, 1u)
#else
#include <bit>
#include <cmath>
#define J2_GLOBAL
#define J2_SHARED
#define J2_FUNCTION inline
#define J2_BARRIER()
#define J2_UNROLL(count)
using j2_u64 = unsigned long long;
struct alignas(16) j2_float4 {
  float x, y, z, w;
};
#define J2_FLOAT_BITS(x) std::bit_cast<unsigned>(x)
#define J2_BITS_FLOAT(x) std::bit_cast<float>(x)
#define J2_EXP(x) std::exp(x)
#endif
