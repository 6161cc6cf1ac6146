module extruntime

go 1.24
