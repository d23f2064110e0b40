"""The autoencoder, its training loss, and the whole pipeline that scores clips."""
