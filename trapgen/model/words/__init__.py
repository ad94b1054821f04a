"""The model: what it is told at each step, its network without TensorFlow, and its folder on disk.

A stack of LSTMs reads the loop's tokens and predicts the next word or BAR at every step:

- Its inputs are the last token, the position in the bar and the loop, and the words of the same
  step some bars ago (after Waite 2016, Lookback RNN, Magenta).
- It weighs earlier places of the loop by how alike they are to where it stands: a small layer reads
  how the last steps differed from those before each place, and heads of attention over the places
  (Bahdanau et al. 2015, arXiv 1409.0473) tell the LSTMs which voices to expect.
- Its scores add one a word and one a voice that sounds in the word. A pointer (See et al. 2017,
  arXiv 1704.04368; Merity et al. 2017, arXiv 1609.07843) may copy a word as it stood.
- Conditions describe the whole loop: style, tempo band, beat or fill.

Training is TensorFlow's (`trapgen.model.training`); reading, scoring and sampling need numpy and
ONNX Runtime alone.
"""
