"""The autoencoder, its training, and the pipeline that scores clips."""
