// Exact top-k of dot products. Vectors lie in tiles of 256 rows: [dimensions / 4][256] groups of four floats, so that
// neighbouring threads read neighbouring memory. One kernel writes all scores and the best of each tile; another
// selects: the k best rows lie in the k tiles whose best are best (were one elsewhere, k tiles would each hold a better
// row).
#pragma once

#include "gpu/kernels/portable.h"

namespace j2 {

enum : unsigned { kTileRows = 256 };

// Larger is better: by score, then by the lower index. Never 0.
J2_FUNCTION j2_u64 rank_key(float score, unsigned index) {
  const unsigned bits = J2_FLOAT_BITS(score);
  const unsigned ordered = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return ((j2_u64)ordered << 32) | (j2_u64)(0xffffffffu - index);
}

// Group `tile` scores its 256 rows against queries [first, first + kQueries) of `queries` (whole rows). `count` rows
// exist; others score -infinity. A thread takes kSpan rows. shared_queries: kQueries × dimensions floats; shared_best:
// kQueries × threads floats; `threads` is a power of two, at most 256 / kSpan.
template <unsigned kQueries, unsigned kSpan>
J2_FUNCTION void score_tile(J2_GLOBAL const j2_float4* vectors, J2_GLOBAL const float* queries, J2_GLOBAL float* scores,
                            J2_GLOBAL float* best, unsigned dimensions, unsigned count, unsigned tiles,
                            unsigned query_count, unsigned first, J2_SHARED j2_float4* shared_queries,
                            J2_SHARED float* shared_best, unsigned tile, unsigned lane, unsigned threads) {
  const unsigned fours = dimensions / 4;
  J2_GLOBAL const j2_float4* from = (J2_GLOBAL const j2_float4*)(queries) + (j2_u64)first * fours;
  for (unsigned i = lane; i < kQueries * fours; i += threads) {
    j2_float4 v;
    v.x = v.y = v.z = v.w = 0;
    if (first + i / fours < query_count) v = from[i];
    shared_queries[i] = v;
  }
  J2_BARRIER();
  J2_GLOBAL const j2_float4* rows = vectors + (j2_u64)tile * fours * kTileRows;
  const float lowest = J2_BITS_FLOAT(0xff800000u);
  float most[kQueries];
  for (unsigned q = 0; q < kQueries; ++q) most[q] = lowest;
  for (unsigned row = lane; row < kTileRows / kSpan; row += threads) {
    float sums[kSpan][kQueries];
    for (unsigned s = 0; s < kSpan; ++s) {
      for (unsigned q = 0; q < kQueries; ++q) sums[s][q] = 0;
    }
    J2_UNROLL(4)
    for (unsigned i = 0; i < fours; ++i) {
      j2_float4 v[kSpan];
      J2_UNROLL(4)
      for (unsigned s = 0; s < kSpan; ++s) v[s] = rows[i * kTileRows + s * (kTileRows / kSpan) + row];
      J2_UNROLL(16)
      for (unsigned q = 0; q < kQueries; ++q) {
        const j2_float4 w = shared_queries[q * fours + i];
        J2_UNROLL(4)
        for (unsigned s = 0; s < kSpan; ++s) {
          sums[s][q] += v[s].x * w.x;
          sums[s][q] += v[s].y * w.y;
          sums[s][q] += v[s].z * w.z;
          sums[s][q] += v[s].w * w.w;
        }
      }
    }
    J2_UNROLL(4)
    for (unsigned s = 0; s < kSpan; ++s) {
      const unsigned at = tile * kTileRows + s * (kTileRows / kSpan) + row;
      J2_UNROLL(16)
      for (unsigned q = 0; q < kQueries; ++q) {
        const float score = at < count ? sums[s][q] : lowest;
        if (first + q < query_count) scores[(j2_u64)(first + q) * tiles * kTileRows + at] = score;
        most[q] = score > most[q] ? score : most[q];
      }
    }
  }
  for (unsigned q = 0; q < kQueries; ++q) shared_best[q * threads + lane] = most[q];
  J2_BARRIER();
  for (unsigned step = threads / 2; step > 0; step /= 2) {
    for (unsigned item = lane; item < step * kQueries; item += threads) {
      const unsigned at = item / step * threads + item % step;
      const float other = shared_best[at + step];
      if (other > shared_best[at]) shared_best[at] = other;
    }
    J2_BARRIER();
  }
  for (unsigned q = lane; q < kQueries; q += threads) {
    if (first + q < query_count) best[(j2_u64)(first + q) * tiles + tile] = shared_best[q * threads];
  }
}

// The best key of a group; the same for every thread. `scratch`: a key a thread.
J2_FUNCTION j2_u64 group_best(j2_u64 mine, J2_SHARED j2_u64* scratch, unsigned lane, unsigned threads) {
  scratch[lane] = mine;
  J2_BARRIER();
  for (unsigned step = threads / 2; step > 0; step /= 2) {
    if (lane < step && scratch[lane + step] > scratch[lane]) scratch[lane] = scratch[lane + step];
    J2_BARRIER();
  }
  const j2_u64 found = scratch[0];
  J2_BARRIER();
  return found;
}

// A thread's best key below `limit` among the tiles thread, thread + threads, …
J2_FUNCTION j2_u64 best_tile(J2_GLOBAL const float* best, unsigned tiles, j2_u64 limit, unsigned lane,
                             unsigned threads) {
  j2_u64 found = 0;
  for (unsigned tile = lane; tile < tiles; tile += threads) {
    const j2_u64 key = rank_key(best[tile], tile);
    if (key < limit && key > found) found = key;
  }
  return found;
}

// The same among rows thread, thread + threads, … of the chosen tiles.
J2_FUNCTION j2_u64 best_row(J2_GLOBAL const float* scores, J2_SHARED const unsigned* chosen, unsigned count,
                            j2_u64 limit, unsigned lane, unsigned threads) {
  j2_u64 found = 0;
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned row = lane; row < kTileRows; row += threads) {
      const unsigned at = chosen[i] * kTileRows + row;
      const j2_u64 key = rank_key(scores[at], at);
      if (key < limit && key > found) found = key;
    }
  }
  return found;
}

// Group `query`: the k best rows, best first. `scratch`: a key a thread; `chosen`: k tiles; `threads` is a power of
// two.
J2_FUNCTION void select_top(J2_GLOBAL const float* scores, J2_GLOBAL const float* best, unsigned tiles, unsigned k,
                            J2_GLOBAL unsigned* rows_out, J2_GLOBAL float* scores_out, J2_SHARED j2_u64* scratch,
                            J2_SHARED unsigned* chosen, unsigned query, unsigned lane, unsigned threads) {
  const j2_u64 everything = ~(j2_u64)0;
  scores += (j2_u64)query * tiles * kTileRows;
  best += (j2_u64)query * tiles;
  const unsigned count = k < tiles ? k : tiles;
  j2_u64 mine = best_tile(best, tiles, everything, lane, threads);
  for (unsigned i = 0; i < count; ++i) {
    const j2_u64 top = group_best(mine, scratch, lane, threads);
    if (lane == 0) chosen[i] = 0xffffffffu - (unsigned)top;
    if (mine == top) mine = best_tile(best, tiles, top, lane, threads);
  }
  J2_BARRIER();
  mine = best_row(scores, chosen, count, everything, lane, threads);
  for (unsigned i = 0; i < k; ++i) {
    const j2_u64 top = group_best(mine, scratch, lane, threads);
    if (lane == 0) {
      const unsigned row = 0xffffffffu - (unsigned)top;
      rows_out[query * k + i] = row;
      scores_out[query * k + i] = scores[row];
    }
    if (mine == top) mine = best_row(scores, chosen, count, top, lane, threads);
  }
}

}  // namespace j2
