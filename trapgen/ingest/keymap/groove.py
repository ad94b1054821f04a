"""What was learned on Groove of voices and of key maps.

    python -m training.keymap DIR

writes this file again. Its numbers are derived from the train split of the Groove MIDI Dataset
v1.0.0 by Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and David Bamman (Google LLC, ICML
2019), licensed CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).
"""

from __future__ import annotations

from typing import Final

SURE: Final = 0.90
"""Confidence from which a key map is taken; below it the file needs review."""

WEIGHTS: Final = """
pitches 0.895
voices 0.347
rides_or_crashes 0.408
missing_parts -0.247
hats_met -1.634
hats_by_chance 1.184
rides_met -3.161
rides_by_chance 0.130
crashes_met -1.287
crashes_by_chance 0.221
hat_bars 2.338
hat_bars_by_chance 0.638
ride_bars 0.763
ride_bars_by_chance 1.224
crash_bars 0.624
crash_bars_by_chance -0.104
choices_of_keys -1.656
unknown_pitches -17.772
other_percussion -9.000
prior:gm -0.957
prior:paper -2.371
prior:roland_td11 -2.025
prior:gm2 -2.372
prior:addictive_drums2 -1.859
prior:superior_drummer3 -2.228
prior:ezdrummer2 -2.335
prior:fl_fpc -2.286
prior:akai_mpc 0.616
prior:pads_c1 0.533
"""
"""A row a term of `trapgen.ingest.keymap.readings`, then a row a key map: nats."""

VOICES: Final = """
prior -2.143 -1.543 -1.903 -2.592 -2.157 -2.701 -2.102 -2.673 -2.646
one 0.472 1.073 -0.295 0.282 0.617 0.332 1.299 -1.364 -2.417
rate -0.017 1.642 0.111 0.103 0.734 -0.697 -0.196 -0.258 -0.235 0.718 -0.281
rate^2 0.177 0.063 0.291 -0.086 -0.031 -0.290 -0.112 0.089 -0.101
share -2.851 1.698 0.530 0.689 -0.001 -0.297 0.131 -0.954 -0.100 0.301 -0.299
share^2 -0.744 0.401 -0.216 0.036 0.019 0.164 0.071 0.305 -0.036
beat_1 0.129 0.241 0.515 -0.304 0.117 -0.116 -0.371 -0.556 -0.609 0.452 0.874
beat_1^2 -0.270 0.128 0.124 -0.036 0.082 0.233 0.010 -0.091 -0.179
beat_2 0.084 0.164 -0.321 0.373 0.238 -0.067 -0.084 -0.154 -0.160 0.096 0.078
beat_2^2 0.158 -0.108 0.021 -0.012 -0.068 0.046 -0.058 -0.006 0.027
beat_3 0.082 0.162 0.115 0.014 0.213 -0.054 -0.164 0.109 0.091 0.044 -0.368
beat_3^2 -0.217 0.087 0.010 -0.035 0.051 0.059 -0.065 -0.022 0.131
beat_4 0.108 0.194 -0.137 0.211 0.312 -0.215 0.070 0.129 -0.205 -0.031 -0.133
beat_4^2 0.079 -0.097 0.008 0.076 -0.045 -0.012 -0.097 -0.024 0.112
offbeat_8ths 0.275 0.293 -0.305 0.109 -0.262 0.271 0.321 0.331 -0.083 -0.073 -0.309
offbeat_8ths^2 0.136 0.061 0.285 -0.015 -0.242 -0.311 -0.046 -0.019 0.150
offbeat_16ths 0.321 0.322 0.197 0.464 -0.426 -0.048 0.021 0.030 0.461 -0.472 -0.228
offbeat_16ths^2 -0.157 -0.174 0.345 0.306 -0.159 -0.262 -0.370 0.155 0.316
spacing 0.318 1.199 -0.144 0.230 0.189 0.297 -0.247 -0.182 -0.201 -0.043 0.101
spacing^2 -0.959 0.095 -0.126 -0.300 0.275 0.145 0.115 0.164 0.591
evenness 0.406 0.383 -0.021 -0.190 0.210 0.148 -0.142 -0.158 -0.151 0.129 0.175
evenness^2 -0.057 -0.119 -0.030 -0.042 0.150 0.145 0.075 -0.011 -0.109
loudness 1.120 0.408 -1.643 0.316 -0.707 -0.009 0.720 0.744 0.744 -0.025 -0.139
loudness^2 -0.350 0.172 0.232 0.078 -0.020 -0.192 -0.065 0.113 0.032
spread 0.198 0.178 -0.703 -0.313 0.498 0.249 0.049 -0.013 -0.152 0.238 0.147
spread^2 -0.066 0.253 -0.142 0.109 0.012 0.009 -0.038 -0.052 -0.085
together 0.483 0.391 0.146 -0.326 -0.116 0.410 -0.174 -0.585 -0.534 0.480 0.699
together^2 0.110 -0.063 -0.238 -0.008 0.016 0.087 -0.052 -0.185 0.333
bars 0.656 0.396 1.226 0.325 0.064 0.011 -0.089 -0.008 -0.012 -1.031 -0.486
bars^2 -0.184 -0.053 0.097 -0.398 0.267 -0.043 0.161 0.253 -0.099
backbeat -0.019 0.417 -0.608 0.305 -0.002 -0.072 0.314 0.326 0.210 -0.191 -0.284
backbeat^2 0.134 0.205 -0.091 -0.007 -0.125 -0.225 0.188 -0.071 -0.007
rolls 0.058 0.168 0.259 0.656 -0.581 -0.468 0.065 0.290 0.449 -0.381 -0.288
rolls^2 0.089 -0.115 0.181 0.159 -0.002 -0.065 -0.139 -0.040 -0.068
rarity 0.471 0.325 -0.493 -0.216 -0.283 -0.192 0.605 0.557 0.518 -0.315 -0.180
rarity^2 0.095 -0.409 0.360 -0.122 -0.160 -0.196 -0.411 0.564 0.279
doubled 0.007 0.036 -0.123 0.641 0.126 -0.216 -0.207 0.086 0.169 -0.513 0.037
doubled^2 -0.020 -0.062 0.090 0.008 0.030 0.019 0.030 -0.264 0.169
"""
"""A row a feature: its mean, its deviation, its weight for each of the nine voices; then the
weights of its square. First the voices' log shares and constants."""
