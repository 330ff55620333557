"""Lists: ranking, rules, why-records, segments and neighbours."""
