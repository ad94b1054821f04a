"""The word model: inputs at each step, the network without TensorFlow, and its folder on disk.

A stack of LSTMs reads the loop's tokens and predicts the next word or BAR at every step:

- Inputs are the last token, the position in the bar and the loop, and the words of the same step
  in earlier bars (after Waite 2016, Lookback RNN, Magenta).
- Recall: a small layer compares the recent steps with those before each earlier position, and
  attention heads over these positions (Bahdanau et al. 2015, arXiv 1409.0473) predict the voices
  to expect, as an input of the LSTMs.
- A word's logit is the sum of a logit of its own and one for each voice that sounds in it. A
  pointer (See et al. 2017, arXiv 1704.04368; Merity et al. 2017, arXiv 1609.07843) may copy an
  earlier word.
- Conditions describe the whole loop: style, tempo band, beat or fill.

Training uses TensorFlow (`trapgen.model.training`); reading, scoring and sampling need only numpy
and ONNX Runtime.
"""
