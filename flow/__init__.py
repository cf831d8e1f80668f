"""mtjflow: from a Verilog-A magnetic tunnel junction to bitcell tables one can trust."""
