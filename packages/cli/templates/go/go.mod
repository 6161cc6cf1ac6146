module {{package}}

go 1.24

require extruntime v0.0.0

replace extruntime => ./extruntime
