-- What somebody earned everywhere, without looking at every community.
CREATE INDEX activity_points_person ON activity_points (platform, user_id);
