// A whole forward pass in one kernel: a group of threads takes kRows rows through all layers, activations stay in the
// group's memory. Weights: layer after layer, inputs × outputs by input, then biases. All widths but the last, which is
// 1, are multiples of 4.
#pragma once

#include "gpu/kernels/portable.h"

namespace j2 {

// next[r] = relu(bias + W·in[r]) for kRows rows. A thread computes kGroup rows of one output, so that a weight is read
// once for all of them.
template <unsigned kRows, unsigned kGroup, unsigned kIn, unsigned kOut>
J2_FUNCTION void dense_relu(J2_GLOBAL const float* weights, J2_SHARED const j2_float4* in, J2_SHARED float* next,
                            unsigned lane, unsigned threads) {
  for (unsigned item = lane; item < kOut * (kRows / kGroup); item += threads) {
    const unsigned output = item % kOut;
    const unsigned first = item / kOut * kGroup;
    float sums[kGroup];
    for (unsigned r = 0; r < kGroup; ++r) sums[r] = weights[kIn * kOut + output];
    J2_GLOBAL const float* column = weights + output;
    J2_SHARED const j2_float4* x = in + first * (kIn / 4);
    J2_UNROLL(4)
    for (unsigned i = 0; i < kIn / 4; ++i) {
      const float w0 = column[(4 * i) * kOut];
      const float w1 = column[(4 * i + 1) * kOut];
      const float w2 = column[(4 * i + 2) * kOut];
      const float w3 = column[(4 * i + 3) * kOut];
      J2_UNROLL(16)
      for (unsigned r = 0; r < kGroup; ++r) {
        const j2_float4 v = x[r * (kIn / 4) + i];
        sums[r] += w0 * v.x;
        sums[r] += w1 * v.y;
        sums[r] += w2 * v.z;
        sums[r] += w3 * v.w;
      }
    }
    for (unsigned r = 0; r < kGroup; ++r) next[(first + r) * kOut + output] = sums[r] > 0 ? sums[r] : 0;
  }
  J2_BARRIER();
}

// The last layer: one output, a sigmoid. Two threads a row would not pay: it is 1/2700 of the work.
template <unsigned kRows, unsigned kIn>
J2_FUNCTION void dense_sigmoid(J2_GLOBAL const float* weights, J2_SHARED const j2_float4* in, J2_GLOBAL float* out,
                               unsigned rows, unsigned lane, unsigned threads) {
  for (unsigned r = lane; r < rows; r += threads) {
    float sum = weights[kIn];
    for (unsigned i = 0; i < kIn / 4; ++i) {
      const j2_float4 v = in[r * (kIn / 4) + i];
      sum += weights[4 * i] * v.x + weights[4 * i + 1] * v.y + weights[4 * i + 2] * v.z + weights[4 * i + 3] * v.w;
    }
    out[r] = 1.0f / (1.0f + J2_EXP(-sum));
  }
}

// Rows of one output that a thread takes: as many as keep kThreads threads busy.
template <unsigned kRows, unsigned kOut, unsigned kThreads>
struct Group {
  enum : unsigned {
    kWanted = kRows * kOut / kThreads,
    kValue = kWanted >= kRows ? kRows : (kWanted == 0 ? 1 : kWanted)
  };
};

template <unsigned kRows, unsigned kThreads, unsigned kIn, unsigned kOut, unsigned... kRest>
struct Layers {
  J2_FUNCTION static void run(J2_GLOBAL const float* weights, J2_SHARED j2_float4* now, J2_SHARED j2_float4* next,
                              J2_GLOBAL float* out, unsigned rows, unsigned lane, unsigned threads) {
    dense_relu<kRows, Group<kRows, kOut, kThreads>::kValue, kIn, kOut>(weights, now, (J2_SHARED float*)next, lane,
                                                                       threads);
    Layers<kRows, kThreads, kOut, kRest...>::run(weights + (kIn + 1) * kOut, next, now, out, rows, lane, threads);
  }
};

template <unsigned kRows, unsigned kThreads, unsigned kIn>
struct Layers<kRows, kThreads, kIn, 1> {
  J2_FUNCTION static void run(J2_GLOBAL const float* weights, J2_SHARED j2_float4* now, J2_SHARED j2_float4*,
                              J2_GLOBAL float* out, unsigned rows, unsigned lane, unsigned threads) {
    dense_sigmoid<kRows, kIn>(weights, now, out, rows, lane, threads);
  }
};

// Rows [group·kRows, …) of `batch` rows of kIn floats. `even` has room for kRows times the widest of layers 0, 2, …,
// `odd` for that of 1, 3, …
template <unsigned kRows, unsigned kThreads, unsigned kIn, unsigned... kRest>
J2_FUNCTION void forward(J2_GLOBAL const float* weights, J2_GLOBAL const float* inputs, J2_GLOBAL float* out,
                         unsigned batch, J2_SHARED j2_float4* even, J2_SHARED j2_float4* odd, unsigned group,
                         unsigned lane, unsigned threads) {
  const unsigned first = group * kRows;
  const unsigned rows = batch - first < kRows ? batch - first : kRows;
  J2_GLOBAL const j2_float4* from = (J2_GLOBAL const j2_float4*)(inputs + (j2_u64)first * kIn);
  for (unsigned i = lane; i < kRows * (kIn / 4); i += threads) {
    j2_float4 v;
    v.x = v.y = v.z = v.w = 0;
    if (i < rows * (kIn / 4)) v = from[i];
    even[i] = v;
  }
  J2_BARRIER();
  Layers<kRows, kThreads, kIn, kRest...>::run(weights, even, odd, out + first, rows, lane, threads);
}

}  // namespace j2
