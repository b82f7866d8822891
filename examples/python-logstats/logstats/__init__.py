"""Access-log statistics: parse, group into sessions, summarise, plan capacity."""
