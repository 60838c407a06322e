"""Fashion-MNIST: 70,000 pieces of clothing of 28x28 pixels; harder than MNIST."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.idx import load_idx_images

# Of the uncompressed files. The publisher gives MD5 sums of the gzip files only; several projects agree
# on these, one of which says to have derived them from files of those MD5 sums.
_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_MIRRORS = (
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)
_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass
class FashionMnist(Dataset):
    """x: (60000, 28, 28, 1), pixels 0..255        y: 10 kinds of clothing        test: 10,000

    Its four IDX files, plain or gzip, lie in a folder ``fashion_mnist``; docs/data.md says where that is
    looked for.

    Reference: Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747
    Suggested: where MNIST is too easy to tell two tricks apart.
    Does not help when colour or texture matters.
    """

    def load(self, files: Files, seed: int) -> Data:
        return load_idx_images(files, "fashion_mnist", _SHA256, _MIRRORS, _CLASSES)
