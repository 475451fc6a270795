"""From the contracts to what is compiled from them: suites, pages, the line rules, the registry of tables."""
