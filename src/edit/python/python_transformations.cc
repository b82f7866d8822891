#include "edit/python/transformations.h"

namespace jarvis2::edit {

std::vector<std::unique_ptr<Transformation>> python_transformations() {
  std::vector<std::unique_ptr<Transformation>> all;
  for (const auto make : {
           python::optimise_function,
           python::inline_method,
           python::inline_function,
           python::inline_operator,
           python::inline_property,
           python::inline_generator,
           python::inline_polymorphic,
           python::inline_constructor,
           python::unroll_recursion,
           python::recursive_generator_to_list,
           python::scalar_replace,
           python::cache_pure_recursion,
           python::hoist_invariant_constructor,
           python::hoist_invariant_call,
           python::hoist_subscript,
           python::hoist_attribute_chain,
           python::hoist_arithmetic,
           python::attribute_in_local,
           python::reuse_pure_expression,
           python::sum_generator_to_loop,
           python::min_max_to_conditional,
           python::unroll_small_loop,
           python::while_to_for_range,
           python::slots,
           python::tail_recursion_to_loop,
           python::list_membership_to_set,
           python::pop_front_to_deque,
           python::append_loop_to_comprehension,
           python::range_len_to_enumerate,
           python::generator_to_list,
           python::comprehension_to_loop,
           python::table_of_terms,
           python::cells_by_unpacking,
           python::cell_in_local,
           python::global_in_local,
           python::fill_loop_to_slice,
           python::copy_loop_to_slice,
           python::pair_loops_to_combinations,
           python::indexed_terms_to_map,
           python::extreme_of_many_to_comparisons,
           python::keyword_to_positional,
           python::propagate_copy,
           python::merge_temporary,
       })
    all.push_back(make());
  return all;
}

}  // namespace jarvis2::edit
